"""What `wa doctor` checks of WhatsApp Web: the site, the browser, wa-js, the page."""
