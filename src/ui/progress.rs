//! Events as lines on stderr, as they come.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::Ui;
use crate::event::{Event, Reporter};

/// Prints each event once, a wait again only when its reason changes, and keeps them for a report.
pub struct Progress {
    ui: Ui,
    begun: Option<Instant>,
    last_wait: Mutex<String>,
    events: Mutex<Vec<Event>>,
}

impl Progress {
    /// Onto that terminal.
    pub fn new(ui: Ui) -> Self {
        Self { ui, begun: None, last_wait: Mutex::default(), events: Mutex::default() }
    }

    /// With the time since `begun` before each line: a rehearsal's time is not the reader's.
    #[must_use]
    pub fn timed(self, begun: Instant) -> Self {
        Self { begun: Some(begun), ..self }
    }

    /// Everything that was told, where it is not timed.
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().map(|events| events.clone()).unwrap_or_default()
    }

    fn changed(&self, line: &str) -> bool {
        let Ok(mut last) = self.last_wait.lock() else { return true };
        let changed = *last != line;
        line.clone_into(&mut last);
        changed
    }
}

impl Reporter for Progress {
    fn event(&self, event: &Event) {
        let line = line(event);
        if line.as_ref().is_some_and(|line| !self.changed(line)) {
            return;
        }
        if let Some(line) = line {
            let time = self.begun.map(|begun| format!("{}  ", clock(begun.elapsed()))).unwrap_or_default();
            self.ui.status(&format!("{time}{line}"));
        }
        // Nobody asks for those of a rehearsal, and of thousands of nodes they are many.
        if self.begun.is_none()
            && let Ok(mut events) = self.events.lock()
        {
            events.push(event.clone());
        }
    }
}

fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::Subject { name, about } => format!("{name}  {about}"),
        // A dry run's lines are its data, printed at the end.
        Event::Started { .. } | Event::Would { .. } => return None,
        Event::Waiting { step, reason } => format!("… {step:<9} {reason}"),
        Event::Done { step, detail, took: Some(took) } => {
            format!("✓ {step:<9} {:<7} {detail}", seconds(*took)).trim_end().to_owned()
        }
        Event::Done { step, detail, took: None } => {
            format!("✓ {step:<9} was done before  {detail}").trim_end().to_owned()
        }
        Event::Failed { step, reason } => format!("✗ {step:<9} {reason}"),
        Event::Finished { name, summary } => format!("{name}  {summary}"),
    })
}

fn clock(time: Duration) -> String {
    let all = time.as_secs();
    format!("{:02}:{:02}:{:02}", all / 3600, all / 60 % 60, all % 60)
}

fn seconds(took: Duration) -> String {
    if took.as_secs() < 10 { format!("{:.1} s", took.as_secs_f64()) } else { format!("{} s", took.as_secs()) }
}
