"""The console: a page in the browser on a stack that runs, served beside it (docs/console.md)."""
