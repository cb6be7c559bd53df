//! What a delivery costs and how long it takes, by distance.

/// Mean radius of the earth in kilometres.
const EARTH_RADIUS: f64 = 6_371.0;

/// A fee in hundredths and a time in minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    pub fee: u64,
    pub minutes: u32,
}

/// The policy's parameters, understood.
#[derive(Debug)]
pub struct Terms {
    flat: Band,
    /// Where deliveries start, in degrees.
    origin: Option<(f64, f64)>,
    /// Each with the distance in kilometres up to which it holds, nearest first.
    bands: Vec<(f64, Band)>,
}

impl Terms {
    /// Reads `delivery_fee` (`5.00`), `delivery_minutes` (`30`), `delivery_origin` (`52.52,13.40`)
    /// and `delivery_bands` (`3=2.50/25, 8=5.00/40`: up to 3 km 2.50 and 25 minutes, …).
    pub fn parse(parameters: &[(String, String)]) -> Result<Self, String> {
        let value_of =
            |name: &str| parameters.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.trim());
        let flat = Band {
            fee: hundredths(value_of("delivery_fee")).ok_or("delivery_fee must be an amount such as 5.00")?,
            minutes: minutes(value_of("delivery_minutes"))
                .ok_or("delivery_minutes must be a number from 1 to 1440")?,
        };
        let origin = match value_of("delivery_origin") {
            "" => None,
            text => Some(place(text).ok_or("delivery_origin must be degrees such as 52.52,13.40")?),
        };
        let mut bands = value_of("delivery_bands")
            .split(',')
            .filter(|text| !text.trim().is_empty())
            .map(|text| band(text).ok_or_else(|| format!("delivery_bands: {text:?} must be like 3=2.50/25")))
            .collect::<Result<Vec<_>, _>>()?;
        if !bands.is_empty() && origin.is_none() {
            return Err("delivery_bands need a delivery_origin".to_owned());
        }
        bands.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(Self { flat, origin, bands })
    }

    /// The band of a destination: the flat one without coordinates or bands; none beyond the last.
    pub fn for_destination(&self, destination: Option<(f64, f64)>) -> Option<Band> {
        match (self.origin, destination) {
            (Some(origin), Some(destination)) if !self.bands.is_empty() => {
                let kilometres = distance(origin, destination);
                self.bands.iter().find(|(limit, _)| kilometres <= *limit).map(|(_, band)| *band)
            }
            _ => Some(self.flat),
        }
    }
}

fn hundredths(text: &str) -> Option<u64> {
    let (whole, cents) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !(1..=2).contains(&cents.len()) || whole.len() > 6 || !digits(whole) || !digits(cents) {
        return None;
    }
    let tens = if cents.len() == 1 { 10 } else { 1 };
    Some(whole.parse::<u64>().ok()? * 100 + cents.parse::<u64>().ok()? * tens)
}

fn minutes(text: &str) -> Option<u32> {
    text.parse().ok().filter(|minutes| (1..=1440).contains(minutes))
}

fn place(text: &str) -> Option<(f64, f64)> {
    let (latitude, longitude) = text.split_once(',')?;
    let (latitude, longitude) = (latitude.trim().parse::<f64>().ok()?, longitude.trim().parse::<f64>().ok()?);
    (latitude.abs() <= 90.0 && longitude.abs() <= 180.0).then_some((latitude, longitude))
}

fn band(text: &str) -> Option<(f64, Band)> {
    let (limit, terms) = text.trim().split_once('=')?;
    let (fee, time) = terms.split_once('/')?;
    let limit: f64 = limit.trim().parse().ok()?;
    let band = Band { fee: hundredths(fee.trim())?, minutes: minutes(time.trim())? };
    (limit > 0.0).then_some((limit, band))
}

/// The great-circle distance in kilometres (haversine formula).
fn distance(from: (f64, f64), to: (f64, f64)) -> f64 {
    let half_chord = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
    let across = from.0.to_radians().cos() * to.0.to_radians().cos() * half_chord(to.1 - from.1);
    2.0 * EARTH_RADIUS * (half_chord(to.0 - from.0) + across).sqrt().min(1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(fee: &str, minutes: &str, origin: &str, bands: &str) -> Result<Terms, String> {
        let named = [
            ("delivery_fee", fee),
            ("delivery_minutes", minutes),
            ("delivery_origin", origin),
            ("delivery_bands", bands),
        ];
        Terms::parse(&named.map(|(name, value)| (name.to_owned(), value.to_owned())))
    }

    #[test]
    fn without_bands_or_coordinates_the_terms_are_flat() {
        let flat = Some(Band { fee: 500, minutes: 30 });
        assert_eq!(terms("5.00", "30", "", "").unwrap().for_destination(Some((1.0, 1.0))), flat);
        assert_eq!(terms("5", "30", "52.52,13.40", "3=2.50/25").unwrap().for_destination(None), flat);
    }

    #[test]
    fn a_destination_is_in_its_band_or_out_of_reach() {
        let terms = terms("5.00", "30", "52.52, 13.405", "8=5.00/40, 3=2.5/25").unwrap();
        let near = Some(Band { fee: 250, minutes: 25 });
        let far = Some(Band { fee: 500, minutes: 40 });
        assert_eq!(terms.for_destination(Some((52.53, 13.41))), near); // 1.2 km
        assert_eq!(terms.for_destination(Some((52.57, 13.45))), far); // 6.3 km
        assert_eq!(terms.for_destination(Some((48.14, 11.58))), None); // Munich
    }

    #[test]
    fn distances_are_those_of_the_globe() {
        assert_eq!(distance((52.52, 13.405), (48.137, 11.576)).round(), 504.0); // Berlin to Munich
        assert_eq!(distance((0.0, 179.5), (0.0, -179.5)).round(), 111.0); // across the date line
        assert_eq!(distance((0.0, 0.0), (0.0, 180.0)).round(), 20_015.0); // half way round
    }

    #[test]
    fn what_cant_be_understood_is_named() {
        for (wrong, name) in [
            (terms("", "30", "", ""), "delivery_fee"),
            (terms("-1", "30", "", ""), "delivery_fee"),
            (terms("5.001", "30", "", ""), "delivery_fee"),
            (terms("5.00", "0", "", ""), "delivery_minutes"),
            (terms("5.00", "30", "here", ""), "delivery_origin"),
            (terms("5.00", "30", "91,0", ""), "delivery_origin"),
            (terms("5.00", "30", "1,1", "3=2.50"), "delivery_bands"),
            (terms("5.00", "30", "", "3=2.50/25"), "delivery_bands"),
        ] {
            assert!(wrong.unwrap_err().starts_with(name), "{name}");
        }
    }
}
