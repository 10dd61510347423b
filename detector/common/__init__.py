"""What every package uses: errors, files that appear whole, progress, compiled functions, other programs."""
