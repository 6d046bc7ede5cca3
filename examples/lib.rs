//! The examples of flowcore: each is a program of its own in this folder.
