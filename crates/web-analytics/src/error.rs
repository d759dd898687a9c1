//! The one error type of this crate: what happened, a code that leads to its documentation, and what to do.

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in web analytics.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A record of the beacon stream is not an envelope that this version can read.
    #[error("TM-WEB-0001: this record is no beacon envelope: {reason}")]
    Envelope {
        /// What did not fit.
        reason: &'static str,
    },
    /// Bytes of a delta batch or summary block don't decode.
    #[error("TM-WEB-0101: damaged {what}: {detail}")]
    Damaged {
        /// What was being read.
        what: &'static str,
        /// Where it stopped making sense.
        detail: String,
    },
    /// The storage below the summaries failed.
    #[error("TM-WEB-0102: summary store: {0}")]
    Storage(#[from] fjall::Error),
    /// The data folder was written by a newer version.
    #[error("TM-WEB-0103: the summaries have format {found}, this version reads up to {known}")]
    NewerFormat {
        /// Format on disk.
        found: u32,
        /// Newest format known here.
        known: u32,
    },
    /// The storage's folder could not be made or read.
    #[error("TM-WEB-0104: {path}: {source}")]
    Folder {
        /// Which folder.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The disk is nearly full; nothing was written.
    #[error("TM-WEB-0105: {path}: {free} bytes are free on the disk, summaries need {wanted}")]
    DiskFull {
        /// The store's folder.
        path: String,
        /// Bytes free.
        free: u64,
        /// Bytes that must be.
        wanted: u64,
    },
    /// A parameter of a query has a value that makes no sense.
    #[error("TM-WEB-0201: parameter `{parameter}`: {reason}")]
    Parameter {
        /// Which one.
        parameter: &'static str,
        /// What is wrong with it.
        reason: String,
        /// What to write instead.
        hint: String,
    },
    /// A name that the site doesn't have.
    #[error("TM-WEB-0202: unknown {kind} `{name}`")]
    Unknown {
        /// Kind of thing: `dimension`, `metric`, …
        kind: &'static str,
        /// The name that was asked for.
        name: String,
        /// Names that exist.
        hint: String,
    },
    /// The answer would be larger than a limit allows.
    #[error("TM-WEB-0203: {what}: {asked} asked, {limit} allowed")]
    Limit {
        /// What is limited, with its unit.
        what: &'static str,
        /// How much the query needs.
        asked: u64,
        /// How much there may be.
        limit: u64,
    },
}

impl Error {
    /// The code at the start of the message, e.g. `TM-WEB-0201`.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Envelope { .. } => "TM-WEB-0001",
            Error::Damaged { .. } => "TM-WEB-0101",
            Error::Storage(_) => "TM-WEB-0102",
            Error::NewerFormat { .. } => "TM-WEB-0103",
            Error::Folder { .. } => "TM-WEB-0104",
            Error::DiskFull { .. } => "TM-WEB-0105",
            Error::Parameter { .. } => "TM-WEB-0201",
            Error::Unknown { .. } => "TM-WEB-0202",
            Error::Limit { .. } => "TM-WEB-0203",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Error::Envelope { .. } => "run the version that wrote the stream, or a later one".into(),
            Error::Damaged { .. } => "restore the folder from a backup, or erase it and replay the stream".into(),
            Error::Storage(_) => "check free disk space and permissions of the data folder, then restart".into(),
            Error::NewerFormat { .. } => "run the version that wrote the data folder, or a later one".into(),
            Error::Folder { .. } => "check that the data folder exists and may be written".into(),
            Error::DiskFull { .. } => "make room on the disk; all goes on by itself, nothing was lost".into(),
            Error::Parameter { hint, .. } | Error::Unknown { hint, .. } => hint.clone(),
            Error::Limit { .. } => "ask for a shorter range, a coarser interval or fewer values".into(),
        }
    }

    /// Whether the caller asked for something wrong, as opposed to a failure in here.
    pub fn is_callers_fault(&self) -> bool {
        matches!(self, Error::Parameter { .. } | Error::Unknown { .. } | Error::Limit { .. })
    }

    pub(crate) fn damaged(what: &'static str, detail: impl Into<String>) -> Self {
        Error::Damaged { what, detail: detail.into() }
    }
}
