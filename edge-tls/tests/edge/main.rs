//! A real listener, a real workerd, and a control plane in this process.

mod support;

mod certificates;
mod egress;
