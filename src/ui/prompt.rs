//! The one question that this tool asks.

use std::io::{BufRead, Write};

use crate::error::{Error, Result};

/// Makes the operator type the cluster's name: a "y" is typed too easily on the wrong cluster.
pub(super) fn cluster_name(cluster: &str) -> Result<()> {
    let mut err = anstream::stderr().lock();
    let _ = write!(err, "Type the cluster's name to go on [{cluster}]: ");
    let _ = err.flush();
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|e| Error::usage(format!("the answer could not be read: {e}")))?;
    if answer.trim() == cluster {
        return Ok(());
    }
    Err(Error::no(format!(
        "\"{}\" is not the name of this cluster, \"{cluster}\"; nothing was done",
        answer.trim()
    )))
}
