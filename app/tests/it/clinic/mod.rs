//! A clinic's API through its outside: as a front door would ask, and as an attacker behind one would.

mod audit;
mod authz;
mod borders;
mod break_glass;
mod canary;
mod cancelled;
mod cells;
mod edge;
mod factors;
mod framing;
mod injected;
mod isolation;
mod jobs;
mod memory;
mod openapi;
mod patients;
mod portal;
mod projection;
mod reach;
mod row_security;
mod rows;
mod search;
mod sessions;
mod staff;
