// The site's own behaviour: the consent question, the request form, the shop,
// the guided tour, and the switch to other visitors.

import "./consent.js";
import "./personas.js";
import "./request_form.js";
import "./shop.js";
import "./tour.js";
