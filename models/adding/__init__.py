"""``fengsui model``: somebody's ONNX file becomes a pack, whole or not at all, and measured."""
