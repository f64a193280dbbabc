"""The code that travels with a model: it runs and checks files with numpy, Pillow and one runtime.

Its modules are copied as they are, so that they import each other by relative names, and of this project only the
modules that are copied with them (`export.bundle.deploy.device`).
"""
