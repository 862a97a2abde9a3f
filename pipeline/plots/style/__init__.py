"""What all figures share: colours, text, pages, charts and canvases."""
