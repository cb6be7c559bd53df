//! Names that nobody can guess and nothing else has.

use spin_sdk::wasip3::random::random::get_random_u64;

/// 128 random bits, as hexadecimal digits.
pub fn random_id() -> String {
    format!("{:016x}{:016x}", get_random_u64(), get_random_u64())
}
