//! One content on its way to the server: looking, comparing, asking, sending.

use super::{Settled, attempts};
use crate::api::{ApiError, Destination, FileInfo};
use crate::conflict::{Decision, Obstacle, choices, decided, is_changed};
use crate::context::Ending;
use crate::edit::Edit;
use crate::outcome::Failure;
use crate::person::Choice;
use crate::session::Content;

/// How often one save begins anew by itself because the file on the server changes all the time.
const MOST_TURNS: usize = 6;

/// One content on its way to the server.
pub(super) struct Save<'a, 'p> {
    pub(super) edit: &'a Edit<'p>,
    pub(super) ending: &'a Ending,
    pub(super) content: &'a Content,
    /// Whether the server may have the content already, from an attempt whose answer was lost.
    pub(super) uncertain: bool,
    /// When the server says that it saved.
    pub(super) modified_at: Option<String>,
    pub(super) turns: usize,
}

impl Save<'_, '_> {
    pub(super) async fn run(&mut self) -> Result<Settled, Failure> {
        while self.turns < MOST_TURNS {
            self.turns += 1;
            if let Some(settled) = self.turn().await? {
                return Ok(settled);
            }
        }
        Ok(Settled::Kept("the file on the server changes all the time".to_owned()))
    }

    /// Looks and saves; `None`: once more from the beginning.
    async fn turn(&mut self) -> Result<Option<Settled>, Failure> {
        if let Some(loss) = self.edit.loss() {
            let obstacle = Obstacle::LockLost { token_is_good: loss.code.leaves_the_token() };
            return self.overcome(obstacle, loss.message).await;
        }
        let there = match attempts::persistently(self.ending.patience, async || self.edit.look().await).await
        {
            Ok(info) => Some(info),
            Err(ApiError::Refused { status: 404, .. }) => None,
            Err(fault) => return self.failed(fault).await,
        };
        let base = self.edit.session().base.clone();
        match there {
            None => {
                let path = self.edit.session().path.clone();
                self.overcome(Obstacle::Gone, format!("{path} is not on the server any more")).await
            }
            Some(info) if base.is_some_and(|base| is_changed(&base, &info)) => self.changed(&info).await,
            Some(_) => self.upload(Destination::File).await,
        }
    }

    /// Somebody else changed the file, or we did and do not know it.
    async fn changed(&mut self, there: &FileInfo) -> Result<Option<Settled>, Failure> {
        let size = there.size;
        if self.uncertain && size == Some(self.content.size) {
            let found = attempts::persistently(self.ending.patience, async || {
                self.edit.download(self.content.size).await
            });
            if found.await.is_ok_and(|found| found == *self.content) {
                tracing::debug!("an earlier attempt had come through");
                self.modified_at.clone_from(&there.modified_at);
                return Ok(Some(Settled::Saved));
            }
        }
        let path = self.edit.session().path.clone();
        let since = |time: Option<&str>| time.map_or_else(String::new, |time| format!(", {time}"));
        let bytes = |size: Option<u64>| size.map_or_else(|| "?".to_owned(), |size| size.to_string());
        let base = self.edit.session().base.clone();
        let question = format!(
            "{path} was changed on the server while you edited it (it was {} bytes{}; it is {} bytes{})",
            bytes(base.as_ref().map(|base| base.content.size)),
            since(base.as_ref().and_then(|base| base.modified_at.as_deref())),
            bytes(size),
            since(there.modified_at.as_deref()),
        );
        self.overcome(Obstacle::Changed, question).await
    }

    /// Does what was said beforehand, or what the person says now.
    async fn overcome(&mut self, obstacle: Obstacle, why: String) -> Result<Option<Settled>, Failure> {
        match self.decide(obstacle, &why).await {
            Decision::Overwrite => self.upload(Destination::File).await,
            Decision::Copy => self.upload(Destination::Copy).await,
            Decision::Keep => Ok(Some(Settled::Kept(why))),
            Decision::Discard => Ok(Some(Settled::Discarded)),
            Decision::TryAgain => Ok(self.try_again()),
        }
    }

    async fn decide(&self, obstacle: Obstacle, why: &str) -> Decision {
        if let Some(decision) = decided(self.ending.policy, obstacle) {
            return decision;
        }
        let chosen = self.edit.person().choose(&format!("{why}."), &choices(obstacle)).await;
        chosen.unwrap_or(Decision::Keep)
    }

    /// The person wants it: then it does not count.
    fn try_again(&mut self) -> Option<Settled> {
        self.turns = 0;
        None
    }

    async fn upload(&mut self, destination: Destination) -> Result<Option<Settled>, Failure> {
        let (edit, content) = (self.edit, self.content);
        let mut lost_answers = 0;
        let uploaded = attempts::persistently(self.ending.patience, async || {
            let result = edit.upload(content, destination).await;
            if result.as_ref().is_err_and(ApiError::is_passing) {
                lost_answers += 1;
            }
            result
        });
        let uploaded = uploaded.await;
        self.uncertain |= lost_answers > 0;
        match uploaded {
            Ok(saved) if saved.is_copy() => Ok(Some(Settled::SavedBeside(saved.path))),
            Ok(saved) => {
                self.modified_at = saved.last_modified;
                Ok(Some(Settled::Saved))
            }
            // It changed since we looked, or an attempt came through whose answer was lost: look again.
            Err(ApiError::Conflict { .. }) => Ok(None),
            Err(fault) if destination == Destination::Copy && fault.lifecycle().is_some() => {
                Ok(Some(Settled::Kept(fault.to_string())))
            }
            Err(fault) => self.failed(fault).await,
        }
    }

    async fn failed(&mut self, fault: ApiError) -> Result<Option<Settled>, Failure> {
        if fault.lifecycle().is_some() {
            // It is noted as a loss, which the next turn begins with.
            return Ok(None);
        }
        if !fault.is_passing() {
            return Ok(match self.decide(Obstacle::Refused, &fault.to_string()).await {
                Decision::Keep => Some(Settled::Kept(fault.to_string())),
                Decision::Discard => Some(Settled::Discarded),
                Decision::Overwrite | Decision::Copy | Decision::TryAgain => self.try_again(),
            });
        }
        let answers = [
            Choice { key: 't', meaning: "try again", value: Decision::TryAgain },
            Choice {
                key: 'k',
                meaning: "keep: your version stays on this computer for now",
                value: Decision::Keep,
            },
        ];
        match self.edit.person().choose(&format!("{fault}."), &answers).await {
            Some(Decision::TryAgain) => Ok(self.try_again()),
            _ => Ok(Some(Settled::Unreachable(fault.to_string()))),
        }
    }
}
