//! The server: HTTP, the console's assets, and the parts put together.
