//! Opaque secrets handed to callers: 256 random bits in base64url, of which only a SHA-256 is ever stored.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// Random bytes in a token.
const TOKEN_BYTES: usize = 32;
/// Characters of a token's text form: 32 bytes in base64url without padding.
const TOKEN_CHARS: usize = 43;

/// A secret of 256 bits. It does not print; [`Token::expose`] is for the one place that hands it over.
pub struct Token(Zeroizing<[u8; TOKEN_BYTES]>);

impl Token {
    /// A new random token.
    #[must_use]
    pub fn random() -> Token {
        Token(Zeroizing::new(regions::random::bytes::<TOKEN_BYTES>()))
    }

    /// The token in this text, if it is the canonical form of one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Token> {
        if text.len() != TOKEN_CHARS {
            return None;
        }
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
        let array: [u8; TOKEN_BYTES] = bytes.as_slice().try_into().ok()?;
        Some(Token(Zeroizing::new(array)))
    }

    /// The text to hand to the caller.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0.as_slice()))
    }

    /// What is stored.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        sha256(b"domicile token v1", self.0.as_slice())
    }

    /// The token against cross-site requests that belongs to this session token. It reveals nothing about it.
    #[must_use]
    pub fn csrf(&self) -> Token {
        Token(Zeroizing::new(sha256(b"domicile csrf v1", self.0.as_slice())))
    }
}

/// SHA-256 of `data` under a domain separator.
#[must_use]
pub fn sha256(domain: &[u8], data: &[u8]) -> [u8; 32] {
    let mut input = Zeroizing::new(Vec::with_capacity(domain.len() + 1 + data.len()));
    input.extend_from_slice(domain);
    input.push(0);
    input.extend_from_slice(data);
    let mut out = [0_u8; 32];
    for (to, from) in out.iter_mut().zip(digest(&SHA256, &input).as_ref()) {
        *to = *from;
    }
    out
}

/// Whether two hashes are equal, in a time that does not depend on where they differ.
#[must_use]
pub fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_its_text_form_and_nothing_else_parses() {
        let token = Token::random();
        let text = token.expose();
        assert_eq!(Token::parse(&text).unwrap().hash(), token.hash());
        assert!(Token::parse("").is_none());
        assert!(Token::parse(&format!("{}=", text.as_str())).is_none());
        // The last character carries only four bits of the token: another one with the same four bits is not canonical.
        let mut altered: Vec<u8> = text.bytes().collect();
        altered[42] = if altered[42] == b'B' { b'C' } else { b'B' };
        assert!(Token::parse(std::str::from_utf8(&altered).unwrap()).is_none());
    }

    #[test]
    fn the_stored_hash_the_csrf_token_and_the_token_differ() {
        let token = Token::random();
        assert_ne!(token.csrf().hash(), token.hash());
        assert_ne!(token.csrf().expose(), token.expose());
        assert!(same(&token.hash(), &token.hash()));
        assert!(!same(&token.hash(), &token.csrf().hash()));
    }
}
