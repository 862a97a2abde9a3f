"""The registered model and its champion."""
