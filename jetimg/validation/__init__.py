"""Two sets of Delphes files compared: means, spectra, p values."""
