"""The four stages that DVC chains, each a command of its own."""
