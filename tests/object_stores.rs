//! Uploads by way of a real S3 server (Garage), with a bad network on both of its sides.

mod hostile;
mod load;
mod notified;
mod outage;
mod path;
mod world;
