//! Lintel end to end, on real parts. Each test has a Lintel of its own.

mod access;
mod delete;
mod deployment;
mod edge;
mod fault;
mod feed;
mod hostname;
mod outage;
mod page;
mod publisher;
mod refusal;
mod renewal;
mod routing;
mod run;
mod world;
