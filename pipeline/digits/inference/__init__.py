"""Run a trained network on ONNX Runtime and measure its answers."""
