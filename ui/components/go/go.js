// Leaves for another address of this server, once for each address.
const gone = new Set();

export default function ({ data }) {
  const url = data && data.url;
  // Only a path of our own: nothing that a browser would read as another host.
  if (!url || gone.has(url) || !/^\/(?![/\\])/.test(url)) return;
  gone.add(url);
  // Replaced, not added to the history: "back" must not redeem a used ticket.
  window.location.replace(url);
}
