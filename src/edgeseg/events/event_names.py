"""Event names of the tracking protocol, and ours: the one table. Pure.

Sources, read in November 2026: Segment's e-commerce spec, second version
(https://segment.com/docs/connections/spec/ecommerce/v2/), whose first version's names it
still accepts; its e-mail spec (.../spec/email/), its B2B spec (.../spec/b2b-saas/) and
its mobile spec (.../spec/mobile/).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_ROWS: Final[tuple[tuple[str, ...], ...]] = (
    ("products_searched", "Products Searched", "Searched Products"),
    ("category_viewed", "Product List Viewed", "Viewed Product Category"),
    ("category_filtered", "Product List Filtered", "Filtered Product Category"),
    ("promotion_viewed", "Promotion Viewed", "Viewed Promotion"),
    ("promotion_clicked", "Promotion Clicked", "Clicked Promotion"),
    ("product_clicked", "Product Clicked", "Clicked Product"),
    ("product_viewed", "Product Viewed", "Viewed Product"),
    ("product_added", "Product Added", "Added Product"),
    ("product_removed", "Product Removed", "Removed Product"),
    ("cart_viewed", "Cart Viewed", "Viewed Cart"),
    ("checkout_started", "Checkout Started", "Started Checkout", "Started Order"),
    ("checkout_step_viewed", "Checkout Step Viewed", "Viewed Checkout Step"),
    ("checkout_step_completed", "Checkout Step Completed", "Completed Checkout Step"),
    ("payment_entered", "Payment Info Entered", "Entered Payment Info"),
    ("order_completed", "Order Completed", "Completed Order"),
    ("order_updated", "Order Updated", "Updated Order"),
    ("order_refunded", "Order Refunded", "Refunded Order"),
    ("order_cancelled", "Order Cancelled", "Cancelled Order", "Order Canceled"),
    ("coupon_entered", "Coupon Entered", "Entered Coupon"),
    ("coupon_applied", "Coupon Applied", "Applied Coupon"),
    ("coupon_denied", "Coupon Denied", "Denied Coupon"),
    ("coupon_removed", "Coupon Removed", "Removed Coupon"),
    ("wishlist_product_added", "Product Added to Wishlist", "Added Product to Wishlist"),
    ("wishlist_product_removed", "Product Removed from Wishlist"),
    ("wishlist_product_ordered", "Wishlist Product Added to Cart"),
    ("product_shared", "Product Shared", "Shared Product"),
    ("cart_shared", "Cart Shared", "Shared Cart"),
    ("product_reviewed", "Product Reviewed", "Reviewed Product"),
    ("email_delivered", "Email Delivered"),
    ("email_opened", "Email Opened"),
    ("email_clicked", "Email Link Clicked", "Email Clicked"),
    ("email_bounced", "Email Bounced"),
    ("email_marked_as_spam", "Email Marked as Spam"),
    ("unsubscribed", "Unsubscribed"),
    ("account_created", "Account Created"),
    ("account_deleted", "Account Deleted"),
    ("signed_up", "Signed Up"),
    ("signed_in", "Signed In"),
    ("signed_out", "Signed Out"),
    ("invite_sent", "Invite Sent"),
    ("trial_started", "Trial Started"),
    ("trial_ended", "Trial Ended"),
    ("form_submitted", "Form Submitted", "Submitted Form"),
    ("application_installed", "Application Installed"),
    ("application_opened", "Application Opened"),
    ("application_updated", "Application Updated"),
)

EVENT_NAMES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {row[0]: row[1:] for row in _ROWS}
)
"""Our name → the names that mean it, the current one first."""

_OURS: Final = {name.casefold(): row[0] for row in _ROWS for name in row[1:]}


def name_event(name: str) -> str:
    """Answer our name of an event; one that is not in the table stays as it is.

    The case of letters and surrounding blanks do not matter to the table.
    """
    return _OURS.get(name.strip().casefold(), name)
