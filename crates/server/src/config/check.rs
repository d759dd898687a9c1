//! What a configuration must satisfy before anything is started with it.

use std::net::IpAddr;

use super::Config;
use crate::error::{Error, Result};

impl Config {
    /// Says which key is wrong, and what it may be.
    pub fn check(&self) -> Result<()> {
        let http = &self.http;
        if self.data.as_os_str().is_empty() {
            return Err(Error::config("data", "is empty", "name a folder"));
        }
        if http.listen.parse::<IpAddr>().is_err() {
            return Err(Error::config(
                "http.listen",
                format!("is {:?}", http.listen),
                "give an IP address: 127.0.0.1 for this machine only, 0.0.0.0 for all networks",
            ));
        }
        for (key, name) in
            [("http.address_header", &http.address_header), ("http.country_header", &http.country_header)]
        {
            if !name.is_empty() && hyper::header::HeaderName::from_bytes(name.as_bytes()).is_err() {
                return Err(Error::config(key, format!("is {name:?}"), "give the name of an HTTP header"));
            }
        }
        if http.tls_certificate.is_empty() != http.tls_key.is_empty() {
            return Err(Error::config("http.tls_key", "and http.tls_certificate belong together", "give both or none"));
        }
        within("http.connections_max", http.connections_max as u64, 1, 1_000_000)?;
        within("http.head_timeout_ms", http.head_timeout_ms, 100, 3_600_000)?;
        within("http.body_timeout_ms", http.body_timeout_ms, 100, 3_600_000)?;
        // hyper's own floor is 8 KiB.
        within("http.head_bytes_max", http.head_bytes_max as u64, 8 << 10, 1 << 20)?;
        within("http.body_bytes_max", http.body_bytes_max as u64, 1 << 10, 64 << 20)?;
        within("http.followers_max", http.followers_max as u64, 1, 100_000)?;
        within("beacons.body_bytes_max", self.beacons.body_bytes_max as u64, 1 << 10, 512 << 10)?;
        within("beacons.shards", u64::from(self.beacons.shards), 1, 256)?;
        within("beacons.in_flight_max", self.beacons.in_flight_max as u64, 1, 1_000_000)?;
        within("beacons.stream_bytes_max", self.beacons.stream_bytes_max, 64 << 20, 1 << 50)?;
        within("pipeline.workers", self.pipeline.workers as u64, 1, 256)?;
        within("pipeline.nice", u64::from(self.pipeline.nice), 0, 19)?;
        within("pipeline.checkpoint_ms", self.pipeline.checkpoint_ms, 10, 60_000)?;
        within("pipeline.stop_timeout_ms", self.pipeline.stop_timeout_ms, 100, 600_000)?;
        within("pipeline.in_flight_bytes_max", self.pipeline.in_flight_bytes_max as u64, 1 << 20, 16 << 30)?;
        within("pipeline.lake_file_age_ms", self.pipeline.lake_file_age_ms, 100, 3_600_000)?;
        within("query.rows_max", self.query.rows_max as u64, 1, 10_000_000)?;
        within("query.timeout_ms", self.query.timeout_ms, 10, 3_600_000)?;
        within("query.memory_bytes_max", self.query.memory_bytes_max as u64, 16 << 20, 1 << 40)?;
        within("query.running_max", self.query.running_max as u64, 1, 1_000)?;
        within("kinesis.shards_max", self.kinesis.shards_max.into(), 1, 10_000_000)?;
        within("kinesis.on_demand_streams_max", self.kinesis.on_demand_streams_max.into(), 0, 1_000_000)?;
        within("kinesis.consumers_max", self.kinesis.consumers_max as u64, 0, 100_000)?;
        within("kinesis.subscriptions_max", self.kinesis.subscriptions_max as u64, 0, 1_000_000)?;
        within("kinesis.in_flight_bytes_max", self.kinesis.in_flight_bytes_max as u64, 64 << 20, 1 << 40)?;
        within("retention.every_s", self.retention.every_s, 1, 86_400)
    }
}

fn within(key: &'static str, value: u64, min: u64, max: u64) -> Result<()> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(Error::config(key, format!("is {value}"), format!("give a number from {min} to {max}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_on_loopback() {
        let config = Config::default();
        config.check().unwrap();
        assert!(config.http.listen.parse::<IpAddr>().unwrap().is_loopback());
    }

    #[test]
    fn a_number_out_of_range_is_refused_by_its_key() {
        let mut config = Config::default();
        config.pipeline.workers = 0;
        let said = config.check().unwrap_err().to_string();
        assert!(said.contains("pipeline.workers is 0") && said.contains("1 to 256"), "{said}");
    }

    #[test]
    fn a_host_name_is_no_address() {
        let mut config = Config::default();
        config.http.listen = "localhost".into();
        assert!(config.check().unwrap_err().to_string().contains("http.listen"));
    }
}
