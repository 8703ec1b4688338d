"""What the encoder sees: pooled features and their t-SNE, activation maps and Grad-CAM.

Import the modules themselves: this file stays empty, so that a change in one redoes only what depends on it.
"""
