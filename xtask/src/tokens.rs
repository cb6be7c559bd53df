//! Sample tokens for trying the service, signed as the users' issuer would.
//!
//! By hand, since a JWT library's dozens of crates would stand before the first `cargo xtask`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::{Sha256, Sha384, Sha512};

use crate::settings::{MIN_KEY, Settings};

const LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// Signs tokens with the key the service checks them with.
pub struct Signer<'a> {
    algorithm: &'a str,
    key: &'a [u8],
    issuer: Option<&'a str>,
    audience: Option<&'a str>,
}

impl<'a> Signer<'a> {
    /// Nothing when the key to sign with isn't here: with public keys, only the issuer has it.
    pub fn new(settings: &'a Settings) -> Option<Signer<'a>> {
        let algorithm = settings.get("jwt_algorithm").unwrap_or("HS256");
        matches!(algorithm, "HS256" | "HS384" | "HS512").then_some(Signer {
            algorithm,
            key: settings.get("jwt_secret_key")?.as_bytes(),
            issuer: settings.get("jwt_issuer"),
            audience: settings.get("jwt_audience"),
        })
    }

    /// A token for `subject`, good for a day.
    pub fn token(&self, subject: &str, email: &str, role: &str) -> Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
        let mut claims = json!({
            "sub": subject,
            "email": email,
            "role": role,
            "iat": now.as_secs(),
            "exp": (now + LIFE).as_secs(),
        });
        for (name, value) in [("iss", self.issuer), ("aud", self.audience)] {
            if let Some(value) = value {
                claims[name] = value.into();
            }
        }
        let header = json!({ "alg": self.algorithm, "typ": "JWT" });
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = URL_SAFE_NO_PAD.encode(self.sign(signed.as_bytes())?);
        Ok(format!("{signed}.{signature}"))
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>> {
        Ok(match self.algorithm {
            "HS256" => {
                Hmac::<Sha256>::new_from_slice(self.key)?.chain_update(text).finalize().into_bytes().to_vec()
            }
            "HS384" => {
                Hmac::<Sha384>::new_from_slice(self.key)?.chain_update(text).finalize().into_bytes().to_vec()
            }
            _ => {
                Hmac::<Sha512>::new_from_slice(self.key)?.chain_update(text).finalize().into_bytes().to_vec()
            }
        })
    }
}

fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

/// A key that nobody knows, for one run.
pub fn random_key() -> Result<String> {
    let mut bytes = [0; MIN_KEY];
    getrandom::fill(&mut bytes).context("the system has no random numbers")?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7515, appendix A.1.
    #[test]
    fn signatures_are_those_of_the_standard() {
        let key = URL_SAFE_NO_PAD
            .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
            .unwrap();
        let signer = Signer { algorithm: "HS256", key: &key, issuer: None, audience: None };
        let text = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
                    eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = URL_SAFE_NO_PAD.encode(signer.sign(text.as_bytes()).unwrap());
        assert_eq!(signature, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    }

    #[test]
    fn a_token_says_who_what_and_until_when() {
        let mut settings = Settings::default();
        for (name, value) in [("jwt_secret_key", "key"), ("jwt_algorithm", "HS512"), ("jwt_issuer", "us")] {
            settings.set(name, value).unwrap();
        }
        let token = Signer::new(&settings).unwrap().token("admin-1", "admin@example.com", "admin").unwrap();
        let [header, claims, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
        let read = |part| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        assert_eq!(read(header)["alg"], "HS512");
        assert_eq!(URL_SAFE_NO_PAD.decode(signature).unwrap().len(), 64);
        let claims = read(claims);
        assert_eq!(
            (&claims["sub"], &claims["role"], &claims["iss"]),
            (&json!("admin-1"), &json!("admin"), &json!("us"))
        );
        assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), LIFE.as_secs());
        assert!(claims.get("aud").is_none());
    }

    #[test]
    fn with_public_keys_only_the_issuer_can_sign() {
        let mut settings = Settings::default();
        settings.set("jwt_algorithm", "ES256").unwrap();
        assert!(Signer::new(&settings).is_none());
    }
}
