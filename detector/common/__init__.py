"""What every package uses: errors, files that appear complete, progress, compiled functions, other programs."""
