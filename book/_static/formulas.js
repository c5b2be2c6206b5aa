/* A formula or a drawing that is wider than the page scrolls: with the keyboard, too, it must be reachable. */
addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  const observer = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });
  const wide = document.querySelectorAll('mjx-container[display="true"], .cell_output:has(img)');
  for (const element of wide) observer.observe(element);
});
