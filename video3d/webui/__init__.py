"""The extension of AUTOMATIC1111, reForge and Forge: the only place that imports the webui's own modules."""
