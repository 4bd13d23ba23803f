//! Talking with the person: sentences go to stderr, answers come from stdin.

use std::cell::RefCell;
use std::io::{BufRead as _, IsTerminal as _, Write as _};

use tokio::sync::{Mutex, oneshot};

use crate::working_copy::deceives;

/// How often a question is repeated that gets no usable answer.
const TRIES: usize = 5;

/// Whether somebody is there to be asked, and the way to him.
#[derive(Debug)]
pub struct Person {
    can_be_asked: bool,
    at_terminal: bool,
    says_yes: bool,
    /// What is said while somebody else has the terminal.
    held: RefCell<Option<Vec<String>>>,
    /// A line that is being read. The thread cannot be stopped, so that an abandoned question leaves its line to the
    /// next one; and nobody reads between questions, where an editor may want the keys.
    line: Mutex<Option<oneshot::Receiver<Option<String>>>>,
}

/// One of the answers to a question.
#[derive(Debug, Clone, Copy)]
pub struct Choice<T> {
    /// The key.
    pub key: char,
    /// What it means, for the person.
    pub meaning: &'static str,
    /// What it means, for the program.
    pub value: T,
}

impl Person {
    /// The person at stdin: asked if that is a terminal, or in any case if `ask` is set. `says_yes` answers questions of
    /// the kind "really?".
    pub fn at_stdin(ask: bool, says_yes: bool) -> Self {
        let at_terminal = std::io::stdin().is_terminal();
        Self {
            can_be_asked: ask || at_terminal,
            at_terminal,
            says_yes,
            held: RefCell::new(None),
            line: Mutex::new(None),
        }
    }

    /// Whether questions are answered.
    pub fn can_be_asked(&self) -> bool {
        self.can_be_asked
    }

    /// Whether stdin is a terminal, which a program may want for itself.
    pub fn is_at_terminal(&self) -> bool {
        self.at_terminal
    }

    /// Says something, or keeps it until the terminal is free again.
    pub fn tell(&self, text: impl Into<String>) {
        let text = printable(&text.into());
        match &mut *self.held.borrow_mut() {
            Some(held) => held.push(text),
            // Nobody may be listening any more.
            None => drop(writeln!(std::io::stderr(), "{text}")),
        }
    }

    /// Keeps everything that is said until [`Self::free_terminal`].
    pub fn leave_terminal(&self) {
        self.held.borrow_mut().get_or_insert_default();
    }

    /// Says what was kept.
    pub fn free_terminal(&self) {
        for text in self.held.take().unwrap_or_default() {
            self.tell(text);
        }
    }

    /// The next line, without its end; `None` when the input has ended.
    pub async fn line(&self, prompt: &str) -> Option<String> {
        let mut err = std::io::stderr();
        let _ = write!(err, "{prompt}").and_then(|()| err.flush());
        let mut slot = self.line.lock().await;
        let reading = slot.get_or_insert_with(|| {
            let (send, receive) = oneshot::channel();
            std::thread::spawn(move || {
                let mut line = String::new();
                let read = std::io::stdin().lock().read_line(&mut line);
                let line = matches!(read, Ok(1..)).then(|| line.trim().to_owned());
                // Nobody may be waiting any more.
                let _ = send.send(line);
            });
            receive
        });
        let line = reading.await.ok().flatten();
        *slot = None;
        line
    }

    /// Lets the person choose. `None` when nobody can be asked, or does not answer.
    pub async fn choose<T: Copy>(&self, question: &str, choices: &[Choice<T>]) -> Option<T> {
        if !self.can_be_asked {
            return None;
        }
        self.tell(question);
        for choice in choices {
            self.tell(format!("  {}  {}", choice.key, choice.meaning));
        }
        for _ in 0..TRIES {
            let answer = self.line("> ").await?;
            if let Some(value) = understood(&answer, choices) {
                return Some(value);
            }
            self.tell("Please answer with one of the letters.");
        }
        None
    }

    /// Asks "really?". Nobody who can be asked means no, unless everything is answered with yes.
    pub async fn confirms(&self, question: &str) -> bool {
        if self.says_yes {
            return true;
        }
        self.agrees(question).await
    }

    /// The same for what is too grave to be answered beforehand.
    pub async fn agrees(&self, question: &str) -> bool {
        let choices = [
            Choice { key: 'y', meaning: "yes", value: true },
            Choice { key: 'n', meaning: "no", value: false },
        ];
        self.choose(question, &choices).await.unwrap_or(false)
    }
}

/// The text without what makes terminals do things or turns the direction of writing: some of what is said are a server's
/// words.
pub fn printable(text: &str) -> String {
    let harmless = |letter: char| letter == '\n' || !deceives(letter);
    text.chars().map(|letter| if harmless(letter) { letter } else { '\u{fffd}' }).collect()
}

/// Which choice an answer means: its key alone, or the first word of what it means. "Don't" does not mean "discard".
fn understood<T: Copy>(answer: &str, choices: &[Choice<T>]) -> Option<T> {
    let first_word = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|letter| letter.is_alphabetic())
            .flat_map(char::to_lowercase)
            .collect()
    };
    let answer = answer.trim();
    let means = |choice: &&Choice<T>| {
        let mut letters = answer.chars();
        let is_key = letters.next().is_some_and(|letter| letter.eq_ignore_ascii_case(&choice.key))
            && letters.next().is_none();
        let word = first_word(answer);
        is_key || (!word.is_empty() && word == first_word(choice.meaning))
    };
    choices.iter().find(means).map(|choice| choice.value)
}

#[cfg(test)]
mod tests {
    use super::{Choice, printable, understood};

    #[test]
    fn a_servers_words_do_not_steer_the_terminal() {
        assert_eq!(
            printable("Locked by \u{1b}]0;x\u{7} \u{9b}2Jäda\n"),
            "Locked by \u{fffd}]0;x\u{fffd} \u{fffd}2Jäda\n"
        );
        assert_eq!(printable("report\u{202e}fdp.exe"), "report\u{fffd}fdp.exe");
    }

    #[test]
    fn an_answer_is_a_letter_or_a_word() {
        let choices = [
            Choice { key: 'o', meaning: "overwrite", value: 1 },
            Choice { key: 'k', meaning: "keep: it stays", value: 2 },
            Choice { key: 'd', meaning: "discard: it is thrown away", value: 3 },
        ];
        for (answer, value) in [
            ("o", Some(1)),
            ("Keep it", Some(2)),
            (" K", Some(2)),
            ("", None),
            ("x", None),
            ("yes", None),
            ("don't", None),
            ("do it", None),
            ("discard", Some(3)),
            ("k d", None),
        ] {
            assert_eq!(understood(answer, &choices), value, "{answer:?}");
        }
    }
}
