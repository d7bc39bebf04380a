"""The window: shows what the engine tells, sends what the person wants. It imports neither torch nor cv2."""
