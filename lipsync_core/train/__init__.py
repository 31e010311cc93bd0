"""Training: a frozen sync expert teaches a generator, and a generator adapts to one speaker.

Everything here runs from folders of videos to weights with a model card, on a CPU at small scale and on CUDA devices
through ``torchrun``. Nothing of it is needed to use the library.
"""
