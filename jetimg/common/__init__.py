"""What every room of this package uses: errors, checksums, tables of text."""
