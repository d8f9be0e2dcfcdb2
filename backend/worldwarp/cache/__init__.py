"""The Gaussian cache: initialise from depth, fit to the history, render as priors."""
