"""Where depth comes from: the registry of models, and the ones that need no download."""
