// A small application of React: three routes, a counter that renders all of it again, and a
// component that shows what a slot holds by itself. `Slot` is the one of the how-to.
import { StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { Slot } from "./slot.jsx";

const PATHS = ["/", "/second", "/plain"];

function ByReact() {
  const [campaign, setCampaign] = useState("");
  useEffect(() => {
    window.edgeseg = window.edgeseg || [];
    window.edgeseg.push(["slots", "side"], ["on", "answer", ({ slots }) => setCampaign(slots.side?.campaign)]);
  }, []);
  return <p data-by-react>{campaign}</p>;
}

function App() {
  const [path, setPath] = useState(location.pathname);
  const [count, setCount] = useState(0);
  useEffect(() => {
    const read = () => setPath(location.pathname);
    addEventListener("popstate", read);
    return () => removeEventListener("popstate", read);
  }, []);
  const go = (event) => {
    event.preventDefault();
    history.pushState({}, "", event.target.getAttribute("href"));
    setPath(location.pathname);
  };
  return (
    <>
      <nav>{PATHS.map((each) => <a key={each} href={each} onClick={go}>{each}</a>)}</nav>
      <button onClick={() => setCount(count + 1)}>Rendered {count} times again</button>
      <main>
        <Slot id={path === "/plain" ? "side" : "hero"} original={`<p>Original of ${path}</p>`} />
      </main>
      <ByReact />
    </>
  );
}

createRoot(document.querySelector("#app")).render(<StrictMode><App /></StrictMode>);
