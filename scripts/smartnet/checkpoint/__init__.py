"""Weights from elsewhere: checkpoints of the 2022 release, and torchvision's ResNets.

``python -m smartnet.checkpoint import FILE FOLDER`` turns a released checkpoint into files of our own. A file
is told by its content and never trusted: tensors are read, nothing in it is run.
"""
