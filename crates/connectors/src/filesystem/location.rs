//! Where a table's files are.

use std::path::PathBuf;

use crate::environment::Environment;
use crate::error::{Error, Result};

/// The local path that the option `path` means.
pub(super) fn local(path: &str, environment: &Environment) -> Result<PathBuf> {
    let path = match path.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("file") => {
            let rest = rest.strip_prefix("localhost").unwrap_or(rest);
            if !rest.starts_with('/') {
                return Err(Error::invalid("path", path, "say a file's URL with three slashes: file:///folder"));
            }
            rest
        }
        Some((scheme, _)) => {
            let rule = format!("files of `{scheme}://` can't be reached yet; say a local path or a file:// URL");
            return Err(Error::invalid("path", path, rule));
        }
        None => path.strip_prefix("file:").unwrap_or(path),
    };
    Ok(match &environment.folder {
        Some(folder) => folder.join(path),
        None => PathBuf::from(path),
    })
}
