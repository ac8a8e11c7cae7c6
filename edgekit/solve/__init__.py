"""The search for a recipe: what there is to choose, what a choice costs and gives, and which one wins."""
