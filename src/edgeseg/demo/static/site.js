// The site's own behaviour: the consent question, the request form, and the shop.

import "./consent.js";
import "./request_form.js";
import "./shop.js";
