// Colours of streams: told apart by people with any colour vision, and 3:1 against the map's ground. A stream keeps its
// colour as long as the page is open.

const kLight = ['#0072b2', '#c8500a', '#00845f', '#aa3377', '#8a6d00', '#5b4fc4', '#00798c', '#7a3b12'];
const kDark = ['#56b4e9', '#ff8a4c', '#2fcb9b', '#ec8fcb', '#f0c24b', '#a9a1ff', '#63d3dc', '#d8a27a'];

const numbers = new Map<string, number>();
const kNumbersMax = 4096;

export function colourOf(stream: string, isDark: boolean): string {
  let number = numbers.get(stream);
  if (number === undefined) {
    if (numbers.size >= kNumbersMax) numbers.clear();
    numbers.set(stream, (number = numbers.size));
  }
  const colours = isDark ? kDark : kLight;
  return colours[number % colours.length]!;
}
