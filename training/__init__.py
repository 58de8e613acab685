"""How the built-in network is made: renderer, recipe, score. Nothing here is needed to convert a video."""
