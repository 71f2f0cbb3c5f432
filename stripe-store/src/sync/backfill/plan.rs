//! Which lists a backfill reads, by the facts of the API description.

use crate::resources::LISTINGS;
use crate::sync::SyncError;
use crate::view::Listing;

/// The lists of these types, or all of them, with those that they are below, parents first.
pub(super) fn lists(types: Option<&[String]>) -> Result<Vec<&'static Listing>, SyncError> {
    let own = || LISTINGS.iter().filter(|listing| !comes_inside(listing));
    let Some(types) = types else {
        return Ok(own().collect());
    };
    for object in types {
        if !own().any(|listing| is_of(listing, std::slice::from_ref(object))) {
            return Err(SyncError::NotListed {
                object: object.clone(),
            });
        }
    }
    let mut wanted: Vec<bool> = own().map(|listing| is_of(listing, types)).collect();
    // Parents come before children, so that from the end on each child has named its parents.
    let all: Vec<&'static Listing> = own().collect();
    for at in (0..all.len()).rev() {
        let parent = all.get(at).and_then(|listing| listing.parent.as_ref());
        let (Some(parent), Some(true)) = (parent, wanted.get(at)) else {
            continue;
        };
        for (other, is_wanted) in all.iter().zip(&mut wanted) {
            *is_wanted |= other.parent.is_none() && other.objects.contains(&parent.object);
        }
    }
    let wanted = all.into_iter().zip(wanted);
    Ok(wanted
        .filter_map(|(listing, is_wanted)| is_wanted.then_some(listing))
        .collect())
}

/// Whether it lists objects of one of these types.
pub(super) fn is_of(listing: &Listing, types: &[String]) -> bool {
    let mut objects = listing.objects.iter();
    objects.any(|object| types.iter().any(|wanted| wanted == object))
}

/// Whether only the platform has it.
pub(super) fn is_of_platform(listing: &Listing) -> bool {
    listing.objects.contains(&"account")
        || listing
            .parent
            .as_ref()
            .is_some_and(|parent| parent.object == "account")
}

/// Whether what it lists comes inside the object that it is below, so that it is read only where that was cut short.
pub(in crate::sync) fn comes_inside(listing: &Listing) -> bool {
    listing
        .parent
        .as_ref()
        .is_some_and(|parent| parent.field.is_some())
}
