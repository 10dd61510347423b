"""The embedded fast simulation: propagation, tracker, calorimeters, PUPPI, jets, ROOT output."""
