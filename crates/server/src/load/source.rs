//! Where requests come from.

use std::io::Write;
use std::time::Duration;

use tidemill_web_analytics::simulator::{Arrival, Simulator};

/// A sequence of HTTP requests.
pub trait Source {
    /// Writes the next request's bytes into the buffer (emptied first) and says when it is due, from the start of the
    /// run; `None` when there are no more.
    fn next(&mut self, request: &mut Vec<u8>) -> Option<Duration>;
}

/// The beacons of a simulation, each as a `POST` to its site.
pub struct Simulated<'a> {
    simulator: &'a mut Simulator,
    keys: Vec<String>,
}

impl<'a> Simulated<'a> {
    /// Posts to the sites with these keys; a simulation of more sites uses them in turn.
    pub fn new(simulator: &'a mut Simulator, keys: Vec<String>) -> Self {
        Self { simulator, keys }
    }
}

impl Source for Simulated<'_> {
    fn next(&mut self, request: &mut Vec<u8>) -> Option<Duration> {
        let arrival = self.simulator.next_arrival()?;
        let key = self.keys.get(usize::from(arrival.site) % self.keys.len().max(1)).map_or("", String::as_str);
        write_beacon(request, key, &arrival);
        Some(arrival.at)
    }
}

/// Writes the request of a beacon, with the headers that a proxy in front of the collector would add.
pub fn write_beacon(request: &mut Vec<u8>, key: &str, arrival: &Arrival<'_>) {
    request.clear();
    // Writing into a vector can't fail.
    let _ = write!(
        request,
        "POST /b/{key} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain;charset=UTF-8\r\nUser-Agent: {}\r\n\
         X-Forwarded-For: {}\r\nCF-IPCountry: {}\r\nContent-Length: {}\r\n\r\n",
        arrival.user_agent,
        arrival.address,
        arrival.country,
        arrival.body.len(),
    );
    request.extend_from_slice(arrival.body);
}
