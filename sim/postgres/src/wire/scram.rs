//! SCRAM-SHA-256 (RFC 5802, RFC 7677), the server's side, without channel binding.
//!
//! Passwords are kept as they are, since this is no server to guard anything, and are not
//! normalised (`SASLprep`), so they should be ASCII. Nothing is drawn here: the nonce is the
//! host's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use pgwire::messages::startup::Authentication as Auth;
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};

use super::stream::Wire;
use crate::error::{PgError, PgResult};

const MECHANISM: &str = "SCRAM-SHA-256";
const ROUNDS: u32 = 4096;

/// Asks a client to prove that it knows a password. False if it leaves.
///
/// # Errors
/// 28P01: it does not.
pub(super) async fn authenticate<S>(
    wire: &mut Wire<S>,
    user: &str,
    password: Option<String>,
    nonce: [u8; 18],
) -> PgResult<bool>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let failed = || {
        let text = format!("password authentication failed for user \"{user}\"");
        PgError::fatal("28P01", text).routine("auth_failed")
    };
    let broken = || PgError::fatal("08P01", "malformed SCRAM message");
    let ask = |auth| PgWireBackendMessage::Authentication(auth);
    wire.push(&ask(Auth::SASL(vec![MECHANISM.to_owned()])));
    let Some(PgWireFrontendMessage::PasswordMessageFamily(message)) = answer(wire).await? else {
        return Ok(false);
    };
    let initial = message.into_sasl_initial_response().map_err(|_| broken())?;
    if initial.auth_method != MECHANISM {
        return Err(broken());
    }
    let initial = String::from_utf8(initial.data.unwrap_or_default().to_vec());
    let initial = initial.map_err(|_| broken())?;
    // The header of channel binding, which there is none of, and then the message itself.
    let bare = initial.splitn(3, ',').nth(2).ok_or_else(broken)?;
    let client_nonce = attribute(bare, 'r').ok_or_else(broken)?;
    let both = format!("{client_nonce}{}", BASE64.encode(nonce));
    let salt = &Sha256::digest(user)[..16];
    let challenge = format!("r={both},s={},i={ROUNDS}", BASE64.encode(salt));
    wire.push(&ask(Auth::SASLContinue(Bytes::from(challenge.clone()))));
    let Some(PgWireFrontendMessage::PasswordMessageFamily(message)) = answer(wire).await? else {
        return Ok(false);
    };
    let response = message.into_sasl_response().map_err(|_| broken())?;
    let response = String::from_utf8(response.data.to_vec()).map_err(|_| broken())?;
    let (unproved, proof) = response.rsplit_once(",p=").ok_or_else(broken)?;
    if attribute(unproved, 'r') != Some(&both) {
        return Err(broken());
    }
    let proof = BASE64.decode(proof).map_err(|_| broken())?;
    let password = password.ok_or_else(failed)?;
    let salted = salted(password.as_bytes(), salt);
    let client_key = mac(&salted, b"Client Key");
    let stored_key = Sha256::digest(client_key);
    let said = format!("{bare},{challenge},{unproved}");
    let signature = mac(&stored_key, said.as_bytes());
    let expected: Vec<_> = client_key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
    if proof != expected {
        return Err(failed());
    }
    let verifier = mac(&mac(&salted, b"Server Key"), said.as_bytes());
    let last = format!("v={}", BASE64.encode(verifier));
    wire.push(&ask(Auth::SASLFinal(Bytes::from(last))));
    Ok(true)
}

async fn answer<S>(wire: &mut Wire<S>) -> PgResult<Option<PgWireFrontendMessage>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    wire.flush_plain().await;
    loop {
        if let Some(message) = wire.decode()? {
            return Ok(Some(message));
        }
        if !wire.read_plain().await {
            return Ok(None);
        }
    }
}

fn attribute(message: &str, name: char) -> Option<&str> {
    let mut parts = message.split(',');
    parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// PBKDF2 of one block.
fn salted(password: &[u8], salt: &[u8]) -> [u8; 32] {
    let mut block = mac(password, &[salt, &[0, 0, 0, 1]].concat());
    let mut result = block;
    for _ in 1..ROUNDS {
        block = mac(password, &block);
        result.iter_mut().zip(block).for_each(|(a, b)| *a ^= b);
    }
    result
}
