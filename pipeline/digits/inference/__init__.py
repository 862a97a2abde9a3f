"""A trained network on ONNX Runtime, and how good its answers are."""
