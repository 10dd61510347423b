"""ONNX files, and how long networks take."""
