//! What takes long, kills something, or fills something: each case has a world of its own.

mod arena;
mod crash;
mod directories;
mod full_disk;
mod kills;
mod live;
mod locks;
mod memory;
mod restart;
