"""The five stages that DVC chains, each a command of its own, and what they share."""
