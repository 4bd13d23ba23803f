//! What the sidecar says instead of an answer.

use std::fmt;

use causeway_internal::{Fault, FaultCode};
use spin_sdk::wasip3::http::types::ErrorCode;

use crate::Problem;

/// A call without an answer.
#[derive(Debug, Clone)]
pub enum Refusal {
    /// The sidecar refused it, or failed at it and says so.
    Fault(Fault),
    /// The sidecar did not answer in time. The reason is for the log.
    TooLate(String),
    /// The sidecar cannot be reached, or says what nobody understands. The reason is for the log.
    Unavailable(String),
}

impl Refusal {
    pub(super) fn unavailable(reason: impl fmt::Display) -> Self {
        Self::Unavailable(reason.to_string())
    }

    pub(super) fn of_transport(error: &ErrorCode) -> Self {
        match error {
            ErrorCode::ConnectionReadTimeout | ErrorCode::HttpResponseTimeout => {
                Self::TooLate(error.to_string())
            }
            _ => Self::Unavailable(error.to_string()),
        }
    }

    /// The refusal that the sidecar expressed, if it did.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Fault(fault) => Some(fault),
            Self::TooLate(_) | Self::Unavailable(_) => None,
        }
    }

    /// Its code, if the sidecar expressed one.
    pub fn code(&self) -> Option<FaultCode> {
        self.fault().map(|fault| fault.code)
    }

    /// The public refusal: the one that `own` has for the fault, else the usual one.
    pub fn or_else(self, own: impl FnOnce(&Fault) -> Option<Problem>) -> Problem {
        self.fault().and_then(own).unwrap_or_else(|| self.into())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => write!(formatter, "{fault}"),
            Self::TooLate(reason) => write!(formatter, "the sidecar did not answer in time: {reason}"),
            Self::Unavailable(reason) => write!(formatter, "the sidecar is not available: {reason}"),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Fault(fault) => fault.into(),
            Refusal::TooLate(reason) => {
                Self::new(504, "The file service did not answer in time").because(reason)
            }
            Refusal::Unavailable(reason) => Self::sidecar_unavailable(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use causeway_internal::{Fault, FaultCode};

    use super::Refusal;
    use crate::Problem;

    #[test]
    fn a_fault_has_its_usual_answer_unless_the_route_has_its_own() {
        let fault = |code| Refusal::Fault(Fault::new(code, "as the sidecar says"));
        let usual = Problem::from(fault(FaultCode::NotFound));
        assert_eq!((usual.status(), usual.body().detail), (404, "as the sidecar says".into()));
        let own = fault(FaultCode::NotFound).or_else(|fault| {
            (fault.code == FaultCode::NotFound).then(|| Problem::not_found("Item not found"))
        });
        assert_eq!(own.body().detail, "Item not found");
        let revoked = fault(FaultCode::PrincipalRefused).or_else(|_| None);
        assert_eq!((revoked.status(), revoked.body().detail), (401, "Could not validate credentials".into()));
    }

    #[test]
    fn what_is_amiss_between_function_and_sidecar_stays_there() {
        let secret = "connect to 10.0.0.7 refused";
        let problems = [
            Problem::from(Refusal::Unavailable(secret.into())),
            Problem::from(Refusal::TooLate(secret.into())),
            Problem::from(Refusal::Fault(Fault::new(FaultCode::ServiceTokenRefused, secret))),
            Problem::from(Refusal::Fault(Fault::new(FaultCode::Internal, secret))),
        ];
        assert_eq!(problems.each_ref().map(Problem::status), [502, 504, 502, 500]);
        assert!(problems.iter().all(|problem| !problem.body().detail.to_string().contains("10.0.0.7")));
    }
}
